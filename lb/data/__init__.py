"""The data plane: takes requests and sends them to replicas; knows nothing of Temporal."""
