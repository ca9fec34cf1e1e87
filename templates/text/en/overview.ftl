# What needs somebody
overview-attention = Needs attention
overview-worst-first =
    { $n ->
        [one] 1 thing
       *[other] { $n }, worst first
    }
overview-all-well = Nothing needs you
overview-all-well-text = Whatever rests now comes back by itself.
overview-checked = Checked:
overview-else-fine = All that was looked at:
overview-what-is-checked = keys, providers, client tokens, jobs, disk, database, backups
overview-and-certificate = , certificate
overview-damaged = The database is damaged
overview-damaged-text = since the last look at the whole file. Restore a copy before it spreads.
overview-behind = Statistics cannot be stored
overview-behind-text = and wait in memory. Requests are answered; what waits is lost if the server stops now.
overview-disk = { $n } MiB are left on the disk
overview-disk-text = of the data directory. Backups fail first, then changes.
overview-no-backups = No automatic backups are made
overview-no-backups-text = because the settings keep none.
overview-old-backup = The last backup is too old:
overview-old-backup-text = the log says why later ones failed.
overview-none-usable = No key of { $provider } is usable
overview-none-usable-until = and its requests are refused. The first comes back in
overview-none-usable-text = and its requests are refused: all are disabled or expired.
overview-rejected =
    { $n ->
        [one] 1 key is rejected
       *[other] { $n } keys are rejected
    }
overview-rejected-text = by { $provider }. Waiting does not help: replace or delete what is wrong.
overview-long-rest =
    { $n ->
        [one] 1 key rests for more than a day
       *[other] { $n } keys rest for more than a day
    }
overview-long-rest-text = at { $provider }: quotas that are used up, as a rule.
overview-keys-expire =
    { $n ->
        [one] 1 key of { $provider } expires
       *[other] { $n } keys of { $provider } expire within a week,
    }
overview-expires-in = in
overview-expire-first = the first in
overview-provider-rests = { $provider } rests.
overview-model-rests = { $model } rests at { $provider }.
overview-models-rest = { $n } models rest at { $provider }.
overview-again-in = Asked again in
overview-first-again-in = The first is asked again in
overview-token-expires = Token “{ $name }” expires
overview-tokens-expire = { $n } client tokens expire within a week,
overview-certificate = This server’s certificate ends
overview-certificate-in = in
overview-certificate-over = This server’s certificate has ended
overview-certificate-over-text = and clients refuse to connect.
overview-job-failed = A job failed:
overview-review-keys = Review keys
overview-review-tokens = Review tokens
overview-open-providers = Show providers
overview-open-backup = Show backups
overview-open-disk = Show disk use
overview-open-job = Show job
overview-extend = Extend
overview-read-tls = Read about TLS

# The key pool
overview-pool = Key pool
overview-all-keys = All keys
overview-usable-of =
    { $n ->
        [one] of 1 key usable
       *[other] of { $n } keys usable
    }
overview-by-state = Keys by state

# Nothing was asked yet
overview-new-title = From zero to the first answer
overview-new = Add a key, make a token, send the first request: three steps that show what happens.
overview-new-action = Start

# Which range, which provider
overview-range = Period
overview-provider = Provider
overview-all-providers = All providers
overview-show = Show

# Figures
overview-today = Requests today
overview-on-yesterday = { $change } on yesterday
overview-yesterday = { $n } yesterday by now
overview-not-answered = { $failed } failed · { $left } left early
overview-p95 = p95 { $ms }
overview-in-out = { $input } in · { $output } out
overview-cost = Cost
overview-cost-note = as providers state it
overview-in-flight = In flight
overview-token-count =
    { $n ->
        [one] 1 client token
       *[other] { $n } client tokens
    }

# Charts
overview-requests = Requests
overview-all-of = { $n } in { $span }
overview-per-hour = per hour
overview-per-day = per day
overview-answered-per = Answered, { $per }
overview-errors-per = Failed, by what it came of, { $per }
overview-answered = Answered
overview-left = Left early
overview-class-limit = Limits and quota
overview-class-upstream = Upstream
overview-class-client = Client
overview-class-cut = Cut short
overview-class-unknown = Not told apart
overview-speed = Speed
overview-speed-what = Time to first token, and to the end
overview-first-p50 = First token p50
overview-first-p95 = First token p95
overview-whole-p50 = Whole answer p50
overview-tokens = Tokens
overview-tokens-per = In and out, { $per }
overview-input = In
overview-output = Out

# Tables
overview-manage = Manage
overview-state = State
overview-keys = Keys
overview-last-day = Last 24 h
overview-no-keys = No keys
overview-models-at-rest =
    { $n ->
        [one] One model rests
       *[other] { $n } models rest
    }
overview-models = Busiest models
overview-model = Model
overview-share = Share
overview-first-token = First token
overview-clients = Busiest clients
overview-all-tokens = All tokens
overview-client = Client token
overview-nothing-asked = Nothing was asked in { $span }.
