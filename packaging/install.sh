#!/bin/sh
# Installs ollama-api-pool from a release archive, after its SHA-256 was found to be the one that SHA256SUMS names.
# Without that file, or with another sum, nothing is installed. Starts nothing unless told to with --start.
#
# The sums come from the same place as the archive: they show damage and mix-ups, not a release that somebody replaced.
set -eu

# Where releases are, as https://github.com/OWNER/REPOSITORY/releases. A release's own copy of this script knows it.
releases=${OLLAMA_API_POOL_RELEASES-}

name=ollama-api-pool
prefix=/usr/local
version=
has_service=yes
is_started=no
# As elsewhere: everything is put below it, for packagers and tests, and no command touches the running system.
root=${DESTDIR-}

say() { printf 'install.sh: %s\n' "$1" >&2; }
fail() { say "$1"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

usage() {
  cat <<'END'
Usage: install.sh [OPTIONS]             installs or upgrades
       install.sh uninstall [OPTIONS]   removes what was installed; data and configuration stay

  --prefix DIR      where to put binary, man page and completions [default: /usr/local]
  --version VERSION which release, as 1.2.3 [default: the latest]
  --releases URL    where releases are, as https://github.com/OWNER/REPOSITORY/releases [env: OLLAMA_API_POOL_RELEASES]
  --no-service      no systemd unit, no user, no sample configuration; needs no root
  --start           start the service, now and with the machine
END
}

parse() {
  command=install
  if [ "${1-}" = uninstall ]; then
    command=uninstall
    shift
  fi
  while [ $# -gt 0 ]; do
    case $1 in
      --prefix | --version | --releases) [ -n "${2-}" ] || fail "$1 needs a value" ;;
    esac
    case $1 in
      --prefix) prefix=${2%/} && shift ;;
      --version) version=${2#v} && shift ;;
      --releases) releases=${2%/} && shift ;;
      --no-service) has_service=no ;;
      --start) is_started=yes ;;
      -h | --help) usage && exit 0 ;;
      *) usage >&2 && fail "what is $1?" ;;
    esac
    shift
  done
  # It is written into the unit, where anything else would have to be quoted.
  case $prefix in
    *[!A-Za-z0-9/._-]* | [!/]*) fail "--prefix must be a plain, absolute path, and is $prefix" ;;
  esac
  case $version in
    *[!A-Za-z0-9.+~-]*) fail "--version is as 1.2.3, and not $version" ;;
  esac
  if [ "$has_service" = no ] && [ "$is_started" = yes ]; then fail "--start and --no-service exclude each other"; fi
  if [ "$has_service" = yes ] && [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || fail "run this as root, or with --no-service and a --prefix that is yours"
    have systemctl || fail "no systemd here: run this with --no-service"
    # Two units of one name: the one from here would hide the package's for good.
    if have dpkg-query && dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null | grep -q '^installed$'; then
      fail "$name is here as a Debian package: upgrade or remove that with apt"
    fi
  fi
}

# Only what is on this machine itself may come without TLS.
check_address() {
  case $releases in
    '') fail "say where releases are, with --releases or OLLAMA_API_POOL_RELEASES" ;;
    *[!A-Za-z0-9:/._~%-]*) fail "$releases is no plain address" ;;
    https://*) protocol='=https' ;;
    http://127.0.0.1:*) protocol='=http' ;;
    *) fail "$releases does not begin with https://" ;;
  esac
}

# Fails when the server says anything but 200, and never falls back to HTTP on a redirect.
fetch() {
  curl --proto "$protocol" --tlsv1.2 --fail --silent --show-error --location --retry 2 --max-time 600 \
    --output "$work/$1" "$address/$1" || fail "cannot fetch $address/$1: nothing was installed"
}

machine() {
  [ "$(uname -s)" = Linux ] || fail "there are releases for Linux only: build from source here"
  case $(uname -m) in
    x86_64 | amd64) echo x86_64 ;;
    aarch64 | arm64) echo aarch64 ;;
    *) fail "there is no release for $(uname -m): build from source here" ;;
  esac
}

# The name of this machine's archive is whatever SHA256SUMS calls it, so that the latest needs no number.
download() {
  arch=$(machine)
  if [ -n "$version" ]; then address=$releases/download/v$version; else address=$releases/latest/download; fi
  fetch SHA256SUMS
  sed -n "s/^\([0-9a-f]\{64\}\) [ *]\($name-[A-Za-z0-9.+~-]*-linux-$arch\.tar\.gz\)\$/\1 \2/p" "$work/SHA256SUMS" >"$work/entry"
  [ "$(wc -l <"$work/entry")" -eq 1 ] ||
    fail "SHA256SUMS does not name one archive for $arch: nothing was installed"
  read -r wanted archive <"$work/entry"
  if [ -n "$version" ] && [ "$archive" != "$name-$version-linux-$arch.tar.gz" ]; then
    fail "SHA256SUMS is about $archive and not about $version: nothing was installed"
  fi
  fetch "$archive"
  found=$(sha256sum "$work/$archive" | cut -d ' ' -f 1)
  [ "$found" = "$wanted" ] || fail "$archive has the SHA-256 $found and should have $wanted: nothing was installed"
  # -o: the files are root's or whoever's runs this, and not those of a user of the builder's.
  tar -xzof "$work/$archive" -C "$work"
  tree=$work/${archive%.tar.gz}
  "$tree/$name" --version >/dev/null || fail "the binary does not run on this system: nothing was installed"
}

# Beside its place first: a binary that runs cannot be written to, and a half one must never be there.
put() {
  mkdir -p "$(dirname "$root$3")"
  install -m "$1" "$tree/$2" "$root$3.new"
  mv -f "$root$3.new" "$root$3"
  say "installed $root$3"
}

put_service() {
  sed "s|^ExecStart=/usr/bin/|ExecStart=$prefix/bin/|" "$tree/$name.service" >"$tree/unit"
  grep -q "^ExecStart=$prefix/bin/$name " "$tree/unit" || fail "the unit has another form than expected"
  put 644 unit "/etc/systemd/system/$name.service"
  put 644 "$name.sysusers" "/etc/sysusers.d/$name.conf"
  if [ -e "$root/etc/$name/$name.env" ]; then
    say "left $root/etc/$name/$name.env as it is"
  else
    put 600 "$name.env" "/etc/$name/$name.env"
  fi
  [ -z "$root" ] || return 0
  systemd-sysusers "$name.conf"
  systemctl daemon-reload
  if [ "$is_started" = yes ]; then
    say "starting the service, now and with the machine"
    systemctl enable --quiet "$name"
    systemctl restart "$name"
    say "the administrator's token, if it is new, is in /var/lib/$name/admin-token"
  elif systemctl is-active --quiet "$name"; then
    say "the old version still runs; change over with: systemctl restart $name"
  else
    say "nothing was started; start it with: systemctl enable --now $name"
  fi
}

install_all() {
  check_address
  have curl || fail "curl is missing"
  have sha256sum || fail "sha256sum is missing, and nothing is installed unchecked"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  download
  put 755 "$name" "$prefix/bin/$name"
  put 644 "$name.1" "$prefix/share/man/man1/$name.1"
  put 644 "completions/$name.bash" "$prefix/share/bash-completion/completions/$name"
  put 644 "completions/_$name" "$prefix/share/zsh/site-functions/_$name"
  put 644 "completions/$name.fish" "$prefix/share/fish/vendor_completions.d/$name.fish"
  if [ "$has_service" = yes ]; then put_service; fi
}

remove() {
  [ ! -e "$root$1" ] || { rm -f "$root$1" && say "removed $root$1"; }
}

uninstall() {
  if [ "$has_service" = yes ]; then
    if [ -z "$root" ] && [ -e "/etc/systemd/system/$name.service" ]; then
      say "stopping the service"
      systemctl disable --now --quiet "$name"
    fi
    remove "/etc/systemd/system/$name.service"
    remove "/etc/sysusers.d/$name.conf"
    [ -n "$root" ] || systemctl daemon-reload
  fi
  remove "$prefix/bin/$name"
  remove "$prefix/share/man/man1/$name.1"
  remove "$prefix/share/bash-completion/completions/$name"
  remove "$prefix/share/zsh/site-functions/_$name"
  remove "$prefix/share/fish/vendor_completions.d/$name.fish"
  say "kept, because nothing brings it back: /etc/$name and /var/lib/$name (database and master key), and the user"
}

# In a function, so that half of a script that was piped into sh does nothing.
main() {
  parse "$@"
  case $command in
    install) install_all ;;
    uninstall) uninstall ;;
  esac
}

main "$@"
