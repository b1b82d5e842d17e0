"""Files from elsewhere: looked at when a service is deployed, fetched by its machines."""
