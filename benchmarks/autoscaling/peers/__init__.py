"""Published rules of other autoscalers, each in a file of its own, with sources of its constants."""
