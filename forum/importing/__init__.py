"""Sub-feature: bringing in a community from elsewhere, in bulk.

An import is a system actor's bulk action: it asks the policy once, writes tables in batches, and records one event
a batch. Nobody gets a notice of what happened elsewhere.
"""
