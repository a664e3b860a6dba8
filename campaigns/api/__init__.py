"""What members see of campaigns on their phone. Who asks is known as in loyalty.api."""
