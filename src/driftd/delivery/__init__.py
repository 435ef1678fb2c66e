"""Where drift events go over the network: webhooks."""
