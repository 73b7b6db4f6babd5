"""Values that are secret: each an existing Secret's, or given, or generated once."""

from charts.model.shape import SecretName, Shape


class Secret(Shape):
    """Where a secret comes from: an existing Secret first, then the value, then (some) it is generated."""

    value: str = ""
    """The secret itself. It is then in the release's values too: prefer `existingSecret`."""
    existingSecret: SecretName = ""
    """A Secret of the namespace that holds it."""
    existingSecretKey: str = ""
    """Its key; empty for the one that the chart's own Secret has."""


class Secrets(Shape):
    """What is done where a secret is neither given nor there."""

    generate: bool = True
    """Generate passwords at the first install and keep them, after an uninstall too. `false` (for GitOps,
    where a render cannot see the cluster): each must be given."""
