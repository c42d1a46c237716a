#!/bin/bash
# Other people's pages and parser tests, which the rewriter is tried on, from the registries into target/corpora: the
# tree-construction suite of html5lib. With `all`, real pages, too: name their folder in NOREN_CORPUS to try them.
# Quick when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
corpora=target/corpora
mkdir -p "$corpora"

# Made aside and renamed, so that a half is never taken for the whole.
into() {
    local folder=$corpora/$1
    [ -d "$folder" ] && return
    rm -rf "$folder.part"
    mkdir "$folder.part"
    (cd "$folder.part" && "$1")
    mv "$folder.part" "$folder"
}

source_of() {
    # The build of a source package is asked for its name; older ones want older tools for that.
    echo 'setuptools<80' > constraints
    PIP_CONSTRAINT=$PWD/constraints python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: "$1"
    rm constraints
}

html5lib() {
    source_of html5lib==1.1
    tar -xzf html5lib-1.1.tar.gz --strip-components=5 html5lib-1.1/html5lib/tests/testdata/tree-construction
    rm html5lib-1.1.tar.gz
}

newspaper() {
    source_of newspaper4k==0.9.6
    tar -xzf newspaper4k-0.9.6.tar.gz --wildcards '*.html'
    rm newspaper4k-0.9.6.tar.gz
}

benchmark() {
    npm pack --silent htmlparser-benchmark@1.1.3
    tar -xzf htmlparser-benchmark-1.1.3.tgz
    rm htmlparser-benchmark-1.1.3.tgz
}

manual() {
    apt-get download apache2-doc
    dpkg --extract apache2-doc_*.deb .
    rm apache2-doc_*.deb
}

into html5lib
if [ "${1:-}" = all ]; then
    into newspaper
    into benchmark
    into manual
fi
