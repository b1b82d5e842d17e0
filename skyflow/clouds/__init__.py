"""The one seam to machines: what every cloud must answer, and the clouds there are."""
