"""HTTP over read-only views: metrics, probes, the API and a page of links."""
