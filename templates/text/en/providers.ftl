providers-title = Providers
providers-sub = The upstream services, and how they are
providers-switch-off = Switch off
providers-switch-on = Switch on
providers-is-off = { $name } is off: requests to it are refused.
providers-is-on = { $name } is on.
providers-off-text = Requests to this provider are refused until it is switched on.
providers-no-key = No usable key
providers-rest-text = No request is sent there. It is tried again in
providers-id = Name in routes
providers-kind = Kind
providers-kind-ollama = Ollama
providers-kind-openrouter = OpenRouter
providers-kind-compatible = OpenAI-compatible
providers-address = Address
providers-in-flight = In flight
providers-attempts = Attempts since the start
providers-keys = Keys
providers-without-keys = This provider has no key yet.
providers-add-keys = Add keys
providers-day = Last 24 h
providers-requests = Requests
providers-answered = Answered
providers-failed = Failed
providers-tokens = Tokens in / out
providers-models = Models at rest
providers-why = Why
providers-more-models =
    { $n ->
        [one] And 1 more model.
       *[other] And { $n } more models.
    }
providers-faults = Failed attempts since the start
providers-charged = Charged to
providers-count = Attempts
providers-faults-of = Failed attempts at { $name }
providers-resting = Why keys rest, also disabled ones
providers-switch-off-one = Switch off { $name }
providers-switch-on-one = Switch on { $name }
