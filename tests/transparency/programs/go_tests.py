"""Builds and runs tests of Go's own library with the installed Go; a test or subtest a result.

usage: go_tests.py CACHE PACKAGE...    CACHE: the folder for what is compiled, kept between runs
"""
import json
import os
import subprocess
import sys

os.environ.update(GOCACHE=f'{sys.argv[1]}/{os.getuid()}', GOFLAGS='-mod=mod', GOTOOLCHAIN='local', GO111MODULE='auto', GOPROXY='off')
results = open(os.environ['TRANSPARENCY_RESULTS'], 'a', buffering=1)
with subprocess.Popen(['go', 'test', '-short', '-count=1', '-json', *sys.argv[2:]], stdout=subprocess.PIPE, text=True) as run:
    for line in run.stdout:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        name = f"{event.get('Package')} {event.get('Test', '(package)')}"
        if event['Action'] == 'run':
            results.write(f'{name}\tbegun\n')
        elif event['Action'] in ('pass', 'fail', 'skip'):
            results.write(f"{name}\t{event['Action']}\n")
        elif event['Action'] == 'output' and ('FAIL' in event['Output'] or '.go:' in event['Output']):
            print(name, event['Output'].rstrip(), flush=True)
sys.exit(run.returncode)
