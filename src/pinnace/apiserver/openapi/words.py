"""What the published documents say about query parameters, in few words.

Upstream's command tests look for two of these in what they download.
"""

PARAMETERS = {
    "allowWatchBookmarks": "Ask a watch for BOOKMARK events, which tell how far it has come.",
    "continue": "The token from the last page of a list, to get its next page.",
    "dryRun": "Go through all steps, but store nothing. The only valid value is All.",
    "fieldManager": "The name under which changed fields are noted in managedFields.",
    "fieldSelector": "A selector to restrict the list of returned objects by their fields.",
    "fieldValidation": "What to do about unknown or repeated fields: Ignore, Warn or Strict.",
    "force": "Take fields over from other managers that own them. Only for apply patches.",
    "gracePeriodSeconds": "How long the object may take to end; zero is at once.",
    "labelSelector": "A selector to restrict the list of returned objects by their labels.",
    "limit": "The most objects to return at once; the answer then has a continue token.",
    "namespace": "object name and auth scope, such as for teams and projects",
    "orphanDependents": "Deprecated: use propagationPolicy. Whether dependents are left alone.",
    "pretty": "If 'true', the answer is indented.",
    "propagationPolicy": "What becomes of dependents: Orphan, Background or Foreground.",
    "resourceVersion": "How fresh the answer must be, or where a watch starts.",
    "resourceVersionMatch": "How resourceVersion is meant: NotOlderThan or Exact.",
    "sendInitialEvents": "Begin a watch with an event for each object that is there.",
    "timeoutSeconds": "End the list or watch after so many seconds, whatever it does.",
    "watch": (
        "Watch for changes to the described resources: a stream of events that add, change and "
        "remove objects."
    ),
}
