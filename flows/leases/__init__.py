"""Leases on documents: claim, renew, release, and whether a lease holder is alive."""
