"""Snapshots examined: whether a folder that answers for a table is whole, says of every value why it is there, and tells nothing of the future."""
