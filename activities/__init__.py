"""Every side effect of the workflows: thin functions that call `skyflow` and map its errors."""
