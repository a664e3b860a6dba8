"""Whether the world may believe mail from the sending domain.

`names` asks what is published, `spf`, `dkim` and `dmarc` say what that means, `check` puts it together.
"""
