"""Hot, warm and cold tiers behind ports."""
