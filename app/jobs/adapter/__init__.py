"""The metrics adapter: Kubernetes' external metrics API, by which an autoscaler sizes workers on load."""
