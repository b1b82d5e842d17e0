"""Published rules of other autoscalers, one in each file, with the sources of all constants."""
