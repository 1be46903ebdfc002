#!/bin/sh
# Builds a Go program and runs it: an http server and clients, child processes, thousands of goroutines, files. usage: go_program.sh CACHE SOURCE
set -u
GOCACHE="$1/$(id -u)" GO111MODULE=off
export GOCACHE GO111MODULE
go build -o program "$2"
printf 'build\tstatus %s\n' $? >> "$TRANSPARENCY_RESULTS"
CGO_ENABLED=0 go build -o static "$2"
printf 'static build\tstatus %s\n' $? >> "$TRANSPARENCY_RESULTS"
for p in program static; do ./$p | sed "s/^/$p /" >> "$TRANSPARENCY_RESULTS"; done
