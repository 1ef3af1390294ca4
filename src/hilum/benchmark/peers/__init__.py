"""What others' programs look like: scripts and loops as they are usually written."""
