"""Who may do what: pure decisions about roles, namespaces and own runs."""
