"""The ClusterRoles for users, nodes and components, without the aggregated ones."""

from pinnace.apiserver.bootstrap.builders import Role, rule, urls
from pinnace.apiserver.bootstrap.node_rules import NODE_RULES

CLUSTER_ROLES: tuple[Role, ...] = (
    Role(
        "cluster-admin",
        rule("*", "*", "*"),
        urls("*", "*"),
    ),
    Role(
        "system:aggregate-to-admin",
        rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
        rule(
            "create delete deletecollection get list patch update watch",
            "rbac.authorization.k8s.io",
            "rolebindings roles",
        ),
    ),
    Role(
        "system:aggregate-to-edit",
        rule(
            "get list watch",
            "",
            "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy",
        ),
        rule("impersonate", "", "serviceaccounts"),
        rule(
            "create delete deletecollection patch update",
            "",
            "pods pods/attach pods/exec pods/portforward pods/proxy",
        ),
        rule("create", "", "pods/eviction"),
        rule(
            "create delete deletecollection patch update",
            "",
            "configmaps persistentvolumeclaims replicationcontrollers "
            "replicationcontrollers/scale secrets serviceaccounts services services/proxy",
        ),
        rule("create", "", "serviceaccounts/token"),
        rule("create delete deletecollection patch update", "|events.k8s.io", "events"),
        rule(
            "create delete deletecollection patch update",
            "apps",
            "daemonsets deployments deployments/rollback deployments/scale replicasets "
            "replicasets/scale statefulsets statefulsets/scale",
        ),
        rule(
            "create delete deletecollection patch update",
            "autoscaling",
            "horizontalpodautoscalers",
        ),
        rule("create delete deletecollection patch update", "batch", "cronjobs jobs"),
        rule(
            "create delete deletecollection patch update",
            "extensions",
            "daemonsets deployments deployments/rollback deployments/scale ingresses "
            "networkpolicies replicasets replicasets/scale replicationcontrollers/scale",
        ),
        rule("create delete deletecollection patch update", "policy", "poddisruptionbudgets"),
        rule(
            "create delete deletecollection patch update",
            "networking.k8s.io",
            "ingresses networkpolicies",
        ),
        rule(
            "create delete deletecollection get list patch update watch",
            "coordination.k8s.io",
            "leases",
        ),
        rule(
            "create delete deletecollection patch update",
            "resource.k8s.io",
            "resourceclaims resourceclaimtemplates",
        ),
    ),
    Role(
        "system:aggregate-to-view",
        rule(
            "get list watch",
            "",
            "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods "
            "replicationcontrollers replicationcontrollers/scale serviceaccounts services "
            "services/status",
        ),
        rule(
            "get list watch",
            "",
            "bindings limitranges namespaces/status pods/log pods/status "
            "replicationcontrollers/status resourcequotas resourcequotas/status",
        ),
        rule("get list watch", "", "namespaces"),
        rule("get list watch", "|events.k8s.io", "events"),
        rule("get list watch", "discovery.k8s.io", "endpointslices"),
        rule(
            "get list watch",
            "apps",
            "controllerrevisions daemonsets daemonsets/status deployments deployments/scale "
            "deployments/status replicasets replicasets/scale replicasets/status "
            "statefulsets statefulsets/scale statefulsets/status",
        ),
        rule(
            "get list watch",
            "autoscaling",
            "horizontalpodautoscalers horizontalpodautoscalers/status",
        ),
        rule("get list watch", "batch", "cronjobs cronjobs/status jobs jobs/status"),
        rule(
            "get list watch",
            "extensions",
            "daemonsets daemonsets/status deployments deployments/scale deployments/status "
            "ingresses ingresses/status networkpolicies replicasets replicasets/scale "
            "replicasets/status replicationcontrollers/scale",
        ),
        rule("get list watch", "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
        rule("get list watch", "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
        rule(
            "get list watch",
            "resource.k8s.io",
            "resourceclaims resourceclaims/status resourceclaimtemplates",
        ),
    ),
    Role(
        "system:auth-delegator",
        rule("create", "authentication.k8s.io", "tokenreviews"),
        rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    ),
    Role(
        "system:basic-user",
        rule(
            "create",
            "authorization.k8s.io",
            "selfsubjectaccessreviews selfsubjectrulesreviews",
        ),
        rule("create", "authentication.k8s.io", "selfsubjectreviews"),
    ),
    Role(
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        rule("create", "certificates.k8s.io", "certificatesigningrequests/nodeclient"),
    ),
    Role(
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        rule("create", "certificates.k8s.io", "certificatesigningrequests/selfnodeclient"),
    ),
    Role(
        "system:certificates.k8s.io:kube-apiserver-client-approver",
        rule(
            "approve",
            "certificates.k8s.io",
            "signers",
            names="kubernetes.io/kube-apiserver-client",
        ),
    ),
    Role(
        "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver",
        rule(
            "approve",
            "certificates.k8s.io",
            "signers",
            names="kubernetes.io/kube-apiserver-client-kubelet",
        ),
    ),
    Role(
        "system:certificates.k8s.io:kubelet-serving-approver",
        rule("approve", "certificates.k8s.io", "signers", names="kubernetes.io/kubelet-serving"),
    ),
    Role(
        "system:certificates.k8s.io:legacy-unknown-approver",
        rule("approve", "certificates.k8s.io", "signers", names="kubernetes.io/legacy-unknown"),
    ),
    Role(
        "system:discovery",
        urls(
            "get",
            "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version "
            "/version/",
        ),
    ),
    Role(
        "system:heapster",
        rule("get list watch", "", "events namespaces nodes pods"),
        rule("get list watch", "extensions", "deployments"),
    ),
    Role(
        "system:kube-aggregator",
        rule("get list watch", "", "endpoints services"),
    ),
    Role(
        "system:kube-controller-manager",
        rule("create patch update", "|events.k8s.io", "events"),
        rule("create", "coordination.k8s.io", "leases"),
        rule("get update", "coordination.k8s.io", "leases", names="kube-controller-manager"),
        rule("create", "", "secrets serviceaccounts"),
        rule("delete", "", "secrets"),
        rule("get", "", "configmaps namespaces secrets serviceaccounts"),
        rule("update", "", "secrets serviceaccounts"),
        rule("create", "authentication.k8s.io", "tokenreviews"),
        rule("create", "authorization.k8s.io", "subjectaccessreviews"),
        rule("list watch", "*", "*"),
        rule("create", "", "serviceaccounts/token"),
    ),
    Role(
        "system:kube-dns",
        rule("list watch", "", "endpoints services"),
    ),
    Role(
        "system:kube-scheduler",
        rule("create patch update", "|events.k8s.io", "events"),
        rule("create", "coordination.k8s.io", "leases"),
        rule("get list update watch", "coordination.k8s.io", "leases", names="kube-scheduler"),
        rule(
            "create delete deletecollection get list patch update watch",
            "coordination.k8s.io",
            "leasecandidates",
        ),
        rule("get list watch", "", "nodes"),
        rule("delete get list watch", "", "pods"),
        rule("create", "", "bindings pods/binding"),
        rule("patch update", "", "pods/status"),
        rule("get list watch", "", "replicationcontrollers services"),
        rule("get list watch", "apps|extensions", "replicasets"),
        rule("get list watch", "apps", "statefulsets"),
        rule("get list watch", "policy", "poddisruptionbudgets"),
        rule("get list watch", "", "persistentvolumeclaims persistentvolumes"),
        rule("create", "authentication.k8s.io", "tokenreviews"),
        rule("create", "authorization.k8s.io", "subjectaccessreviews"),
        rule("get list watch", "storage.k8s.io", "csinodes"),
        rule("get list watch", "storage.k8s.io", "volumeattachments"),
        rule("get list watch", "", "namespaces"),
        rule("get list watch", "storage.k8s.io", "csidrivers"),
        rule("get list watch", "storage.k8s.io", "csistoragecapacities"),
        rule("get list watch", "resource.k8s.io", "deviceclasses"),
        rule("get list patch update watch", "resource.k8s.io", "resourceclaims"),
        rule("get list patch update watch", "resource.k8s.io", "resourceclaims/status"),
        rule("update", "", "pods/finalizers"),
        rule("get list watch", "resource.k8s.io", "resourceslices"),
        rule("create delete", "resource.k8s.io", "resourceclaims"),
        rule("patch update", "resource.k8s.io", "resourceclaims/binding"),
    ),
    Role(
        "system:kubelet-api-admin",
        rule("get list watch", "", "nodes"),
        rule("proxy", "", "nodes"),
        rule("*", "", "nodes/log nodes/metrics nodes/proxy nodes/stats"),
        rule("*", "", "nodes/configz nodes/healthz nodes/pods"),
    ),
    Role(
        "system:monitoring",
        urls(
            "get",
            "/flagz /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz "
            "/readyz/* /statusz",
        ),
        rule("get", "", "nodes/metrics"),
    ),
    Role("system:node", *NODE_RULES),
    Role(
        "system:node-bootstrapper",
        rule("create get list watch", "certificates.k8s.io", "certificatesigningrequests"),
    ),
    Role(
        "system:node-problem-detector",
        rule("get", "", "nodes"),
        rule("patch", "", "nodes/status"),
        rule("create patch update", "|events.k8s.io", "events"),
    ),
    Role(
        "system:node-proxier",
        rule("list watch", "", "endpoints services"),
        rule("get list watch", "", "nodes"),
        rule("create patch update", "|events.k8s.io", "events"),
        rule("list watch", "networking.k8s.io", "servicecidrs"),
        rule("list watch", "discovery.k8s.io", "endpointslices"),
    ),
    Role(
        "system:persistent-volume-provisioner",
        rule("create delete get list watch", "", "persistentvolumes"),
        rule("get list update watch", "", "persistentvolumeclaims"),
        rule("get list watch", "storage.k8s.io", "storageclasses"),
        rule("watch", "", "events"),
        rule("create patch update", "|events.k8s.io", "events"),
    ),
    Role(
        "system:public-info-viewer",
        urls("get", "/healthz /livez /readyz /version /version/"),
    ),
    Role(
        "system:service-account-issuer-discovery",
        urls(
            "get",
            "/.well-known/openid-configuration /.well-known/openid-configuration/ "
            "/openid/v1/jwks /openid/v1/jwks/",
        ),
    ),
    Role(
        "system:volume-scheduler",
        rule("get list patch update watch", "", "persistentvolumes"),
        rule("get list watch", "storage.k8s.io", "storageclasses"),
        rule("get list patch update watch", "", "persistentvolumeclaims"),
    ),
)
