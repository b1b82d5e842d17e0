"""The load balancer: a data plane that serves on its own, and a control process that feeds it."""
