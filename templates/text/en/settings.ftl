settings-title = Settings
settings-sub = In force at once, for everything that begins from then on
settings-groups = Groups
settings-group-providers = Providers
settings-group-cache = Cache
settings-group-limits = Limits for clients
settings-group-statistics = Statistics
settings-group-retention = Retention
settings-group-backups = Backups
settings-group-public = Public pages
settings-save = Save
settings-save-group = Save: { $name }
settings-reset = Back to the default
settings-reset-one = Back to the default: { $name }
settings-is-changed = Changed
settings-default = Default:
settings-limits = From { $least } to { $most }
settings-on = on
settings-off = off
settings-empty = empty
settings-changed =
    { $n ->
        [0] Nothing was different.
        [one] 1 setting changed.
       *[other] { $n } settings changed.
    }
settings-locked = The environment variable { $variable } fixes this setting. Change it there and start the server again.
settings-problem-number = A whole number from { $least } to { $most }
settings-problem-duration = A duration from { $least } to { $most }, such as 90 s, 5 min, 2 h or 1 d, without a rest
settings-problem-size = A size from { $least } to { $most }, such as 512 KiB, 64 MiB or 4 GiB
settings-problem-word = One of the choices
settings-problem-time-zone = The name of a time zone, such as UTC or Asia/Shanghai
settings-problem-url = An address such as https://pool.example, by http or https, and without credentials
settings-problem-title = At most 256 printable ASCII characters
settings-problem-text = A text that this setting takes

setting-provider-enabled = Serve requests to { $provider }
setting-provider-enabled-help = Off: its requests are answered with 503, and its keys are not used.
setting-openrouter-app-title = App name for OpenRouter
setting-openrouter-app-title-help = Sent as X-Title where the client sends none. Empty: none is sent.
setting-openrouter-app-url = App address for OpenRouter
setting-openrouter-app-url-help = Sent as HTTP-Referer where the client sends none. Empty: none is sent.
setting-jobs-checks-at-once = Checks of keys at once
setting-jobs-checks-at-once-help = How many questions about keys one provider is asked at the same time.

setting-cache-mode = Keep answers
setting-cache-mode-help = Which whole answers are kept, to be given again to equal requests. Streams never are.
setting-cache-mode-is-off = none
setting-cache-mode-is-deterministic = those asked for with temperature 0 or a seed
setting-cache-mode-is-all = all
setting-cache-ttl-seconds = Keep an answer for
setting-cache-ttl-seconds-help = After that the upstream is asked again.
setting-cache-max-bytes = Memory for answers
setting-cache-max-bytes-help = Beyond it, answers that nobody asks for go first.
setting-cache-shared = Share answers between tokens
setting-cache-shared-help = On: what one token was answered may be given to another.
setting-models-ttl-seconds = Keep lists of models for
setting-models-ttl-seconds-help = A list that is older is asked for anew, and served still while the upstream fails.
setting-models-anonymous = Lists of models without a token
setting-models-anonymous-help = Off: they need a client token, like everything else.

setting-rate-limit-enabled = Limit the requests of each address
setting-rate-limit-enabled-help = By client address and provider; of IPv6, a /64 counts as one.
setting-rate-limit-requests = Requests in one window
setting-rate-limit-requests-help = What goes beyond is answered with 429 and the time to wait.
setting-rate-limit-window-seconds = Window
setting-rate-limit-window-seconds-help = The time over which requests are counted.
setting-bots-policy = Scripts and crawlers
setting-bots-policy-help = What happens to requests whose user agent calls itself one.
setting-bots-policy-is-off = serve them
setting-bots-policy-is-log = serve and log them
setting-bots-policy-is-refuse = refuse them

setting-statistics-cache-seconds = Keep public figures for
setting-statistics-cache-seconds-help = How old the figures on the public page may be. 0: they are read at each visit.
setting-statistics-time-zone = Time zone
setting-statistics-time-zone-help = Where days and hours begin in the API's figures, such as UTC or Asia/Shanghai.

setting-retention-hours-days = Hours of models and tokens
setting-retention-hours-days-help = How long the hourly statistics of models and client tokens are kept. Sums of all time stay.
setting-retention-key-hours-days = Hours of single keys
setting-retention-key-hours-days-help = How long the hourly statistics of each API key are kept.
setting-retention-audit-days = Audit log
setting-retention-audit-days-help = How long it is known who changed what.
setting-retention-jobs-days = Ended jobs
setting-retention-jobs-days-help = How long their results can be read.
setting-retention-max-bytes = Size of the database
setting-retention-max-bytes-help = Beyond it, the oldest hourly statistics go before their time.

setting-backups-every-hours = Make a copy every
setting-backups-every-hours-help = Of the whole database, into the folder backups of the data directory.
setting-backups-keep = Copies that are kept
setting-backups-keep-help = Older ones are deleted. 0: no copies are made.

setting-public-stats = Statistics for everybody
setting-public-stats-help = The page /stats and the figures behind it. Off: strangers get a 404, you still see it.
setting-public-api-docs = Description of the API for everybody
setting-public-api-docs-help = The pages /api-docs and /docs, /openapi.json and the templates of the test bench.
setting-public-project = What this program is, for everybody
setting-public-project-help = The page /project, with version, changelog and health.
