"""What hilum claims of speed, measured beside the natural peer in one run: `make bench`."""
