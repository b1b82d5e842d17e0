"""Published rules of other autoscalers, each in its own file, with sources of its constants."""
