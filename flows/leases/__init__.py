"""Who holds a document: claiming it, renewing the lease, giving it back, and whether a holder lives."""
