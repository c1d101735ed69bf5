"""How optimisers decide: from estimates to a price, or to an allocation."""
