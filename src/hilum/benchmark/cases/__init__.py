"""One file a group: what is measured, alone and beside its peers."""
