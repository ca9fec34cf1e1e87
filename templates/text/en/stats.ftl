stats-title = Statistics
stats-next = next update in { $n } s
stats-provider = Provider
stats-all = All
stats-stale = The figures cannot be read at the moment. These are from
stats-requests-day = Requests, 24 h
stats-in-all = { $total } in all
stats-answered = Answered
stats-answered-of = { $some } of { $total }
stats-failed = Failed
stats-first-token = First token, median
stats-first-token-most = 95 % within { $span }
stats-no-streams = no streams in 24 h
stats-tokens-day = Tokens, 24 h
stats-tokens-parts = { $input } in · { $output } out
stats-day = Last 24 hours
stats-per-hour = Requests per hour
stats-health = Pool health
stats-keys = { $usable } of { $total } keys usable
stats-no-keys = no keys
stats-models-day = Models, last 24 hours
stats-models-ever = Models, all time
stats-share-of-models = Share of each model
stats-model = Model
stats-share = Share
stats-requests = Requests
stats-others =
    { $n ->
        [one] 1 other
       *[other] { $n } others
    }
stats-quiet-title = No requests
stats-quiet = Nobody asked for a model in the last 24 hours.
stats-quiet-ever = Nobody has asked for a model yet.
