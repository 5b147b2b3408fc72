#!/usr/bin/env bash
# The millrace command of a bundle, on the bundle's own Java.
#   MILLRACE_JAVA_OPTS   more options for the JVM, such as -Xmx8g
set -euo pipefail

here=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
# As in the launcher of a checkout: with fewer, Java fails in places that do not say so.
files=$(ulimit -Hn)
if [ "$files" != unlimited ] && [ "$files" -lt 128 ]; then
    printf 'millrace: ulimit -n: %s open files are too few for Java and its libraries; raise the limit, such as to 1024\n' \
        "$files" >&2
    exit 2
fi
case ${LC_ALL:-${LC_CTYPE:-${LANG:-}}} in
*[Uu][Tt][Ff]*8*) ;;
*) export LC_ALL=C.UTF-8 ;;
esac
# As in the launcher of a checkout: the JVM's word on its incubator module is filtered out.
exec 3>&2
# shellcheck disable=SC2086 # several options in one variable
exec "$here/jdk/bin/java" "@$here/config/jvm.args" -Xmx2g -XX:+UseSerialGC \
    "-Dmillrace.home=$here" -Dmillrace.stderr=3 ${MILLRACE_JAVA_OPTS:-} \
    -cp "$here/lib/*" io.millrace.cli.Main "$@" \
    2> >(exec grep -v --line-buffered 'Using incubator modules: jdk.incubator.vector' >&3)
