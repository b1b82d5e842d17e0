"""The control process: carries endpoint sets from Temporal to the data plane."""
