backup-title = Backup
backup-sub = Copies of everything, and how to put one back
backup-damaged = The latest check found the database damaged. Download a copy now, and run "ollama-api-pool doctor" on the server.
backup-none-made = The server makes no copies by itself.
backup-download = Download a copy
backup-download-text = As everything is at this moment. The server goes on meanwhile.
backup-in-it = In it
backup-in-it-text = API keys and client tokens (sealed), settings, statistics, jobs and the audit log.
backup-not-in-it = Not in it
backup-not-in-it-text = The master key. Without it nobody can open the keys in a copy, not even you: keep it in another place. It is what MASTER_KEY sets, or the file master.key in the data directory.
backup-token = Admin token
backup-token-hint = Asked again, because the file holds everything. The download is written into the audit log.
backup-submit = Download the copy
backup-restore = Put a copy back
backup-restore-text = Stop the server and run this where its data directory is. The copy is read as a whole first; what was there before stays beside it with --force.
backup-restore-key = On another machine, the master key has to be there as well: as MASTER_KEY, as the file master.key in the data directory, or beside the copy with .key behind its name.
backup-by-command = On the server, a command makes a copy too, with the master key in a file of its own:
backup-by-command-label = Backup by a command
backup-copies = Copies in the data directory
backup-copies-text =
    { $n ->
        [one] One every { $span }; the latest is kept.
       *[other] One every { $span }; the latest { $n } are kept.
    }
backup-none-yet = There is none yet.
backup-made = Made
backup-file = File
backup-size = Size
backup-disk = Disk
backup-disk-taken = { $share } of the disk is taken
backup-database = Database
backup-log = Its write-ahead log
backup-free = Free on the disk
backup-free-of = { $free } of { $total }
backup-checked = Checked for damage
backup-not-checked = not since the start
