# Every text that the pages show, in English. The same ids stand in zh.ftl.
# The first word of an id is the page's area; `common`, `frame`, `nav`, `state`, `time`, `unit` are shared.

# The frame of every page
frame-description = A self-hosted pool of LLM API keys
frame-skip = Skip to content
frame-offline = The server does not answer. Look whether this was done before you send it again.
frame-uptime = up { $span }
frame-unhealthy = not healthy
frame-sign-in = Sign in
frame-sign-out = Sign out
frame-local-times = times are yours; hover shows UTC
frame-hidden = Only you see this page: it is switched off for strangers.

# Navigation
nav-label = Console
nav-site = Site
nav-menu = Menu
nav-console = Console
nav-overview = Overview
nav-upstream = Upstream
nav-keys = API keys
nav-providers = Providers
nav-clients = Clients
nav-tokens = Client tokens
nav-system = System
nav-jobs = Jobs
nav-cache = Cache
nav-backup = Backup
nav-audit-log = Audit log
nav-security = Security
nav-settings = Settings
nav-stats = Statistics
nav-api = API
nav-project = Project

# The theme button
theme-device = Theme: as the device
theme-light = Theme: light
theme-dark = Theme: dark

# States of keys, tokens, providers and jobs
state-usable = Usable
state-active = Active
state-answering = Answering
state-cooling = Cooling down
state-resting = Resting
state-probing = Probing
state-rejected = Rejected
state-disabled = Disabled
state-off = Off
state-expired = Expired
state-unchecked = Not checked
state-queued = Queued
state-running = Running
state-done = Done
state-failed = Failed
state-canceled = Canceled

# Points in time
time-over = now

# What every page may say
common-range-day = 24 h
common-range-week = 7 d
common-range-month = 30 d
common-cancel = Cancel
common-close = Close
common-dismiss = Dismiss
common-undo = Undo
common-copy = Copy
common-copied = Copied
common-show = Show
common-loading = Loading
common-live = Live
common-stale = From { $at }; the server does not answer
common-locked = Fixed by the environment variable { $variable }
common-file-too-large = The file is larger than { $limit }
common-sentence = { $text }.
common-spark = { $ok } answered and { $failed } failed in 24 hours
common-progress = { $done } of { $total }
common-clear-filter = Remove filter { $name }

# Lists: picking rows, paging
common-selection = Picked rows
common-pick-page = Pick all rows of this page
common-pick-none = Pick none
common-picked = { $n } picked
common-page-picked = All rows of this page are picked.
common-pick-matching = Pick all { $n } that match
pager-label = Pages
pager-pages = Page
pager-sizes = Rows on a page
pager-range = { $from }–{ $to } of { $total }
pager-previous = Previous page
pager-next = Next page

# Charts
chart-as-table = Show as table
chart-from = From
