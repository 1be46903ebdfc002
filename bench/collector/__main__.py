"""What the collector bears on this machine, everything on it: the load's agents, the collector, the store's server.

usage: script/bench collector [--store NAME,...] [--only PART,...] [--quick] [--alerts N] [--agents N] [--rounds N] [--keep DIRECTORY] [--json FILE]

Parts: ingest (alerts/s until the last one is acknowledged and in the store, behind a backbone too), search (time to the first page of 100 over --alerts stored
ones; the store is filled first), idle (memory of the collector with --agents connected over TLS that have nothing to say). Aims are those for two
cores; a figure that misses its aim says so. The exit status is 1 only if something did not work.
"""
import argparse
import json
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / 'overhead'), str(HERE.parents[1] / 'tests/e2e'), str(HERE.parents[1] / 'tests/unit/collector')]
sys.path.insert(0, str(HERE))  # its own `stores`
import machine  # noqa: E402
import parts  # noqa: E402
import stores  # noqa: E402


def arguments(given):
    p = argparse.ArgumentParser(prog='script/bench collector', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--store', default=','.join(stores.AIMS), metavar='NAME,...', help='of ' + ', '.join(stores.AIMS))
    p.add_argument('--only', default=','.join(parts.PARTS), metavar='PART,...', help='of ' + ', '.join(parts.PARTS))
    p.add_argument('--alerts', type=int, help='stored ones that are searched (5000000)')
    p.add_argument('--agents', type=int, help='idle ones (2000)')
    p.add_argument('--rounds', type=int, help='of the ingest, and of each search (7)')
    p.add_argument('--quick', action='store_true', help='20000 alerts, 50 agents, 2 rounds: whether it works, no figures')
    p.add_argument('--keep', type=pathlib.Path, metavar='DIRECTORY', help='keep the filled store there, and use one that is there')
    p.add_argument('--json', type=pathlib.Path, metavar='FILE')
    o = p.parse_args(given)
    small = (20_000, 50, 2) if o.quick else (5_000_000, 2000, 7)
    o.alerts, o.agents, o.rounds = (a or b for a, b in zip((o.alerts, o.agents, o.rounds), small))
    o.batch = 10_000 if o.quick else 200_000  # alerts of one round of the ingest
    o.store, o.only = o.store.split(','), o.only.split(',')
    for what, names, known in (('store', o.store, stores.AIMS), ('part', o.only, parts.PARTS)):
        if unknown := [n for n in names if n not in known]:
            p.error(f"there is no {what} '{unknown[0]}'; there are {', '.join(known)}")
    return o


def line(store, figure):
    aim, value = figure.get('aim'), figure['value']
    met = '' if aim is None else 'met' if (value >= aim if figure['higher_is_better'] else value <= aim) else 'MISSED'
    sign = '≥' if figure['higher_is_better'] else '≤'
    return (f"{store:11s} {figure['part']:7s} {figure['name']:34s} {value:>10.0f} {figure['unit']:9s}"
            f"{'' if aim is None else f'{sign} {aim:.0f}':>9s} {met:7s}{figure.get('note', '')}").rstrip()


def main(given):
    o = arguments(given)
    result = {'format': 1, 'machine': machine.describe({}, ''), 'alerts': o.alerts, 'agents': o.agents, 'rounds': o.rounds, 'stores': {}}
    about = result['machine']
    print(f"{about['cpus']} cores, load {about['load_before']} before; {o.alerts} alerts, {o.agents} agents, {o.rounds} rounds")
    for name in o.store:
        with tempfile.TemporaryDirectory(prefix='bench-collector-') as scratch, \
                stores.opened(name, pathlib.Path(scratch), o.keep and o.keep / name) as (store, missing):
            if missing:
                result['stores'][name] = {'missing': missing}
                print(f'{name:11s} not there: {missing}', flush=True)
                continue
            figures = result['stores'][name] = {'figures': []}
            for part in o.only:
                for figure in parts.PARTS[part](store, o, pathlib.Path(scratch)):
                    figures['figures'].append({'part': part, **figure})
                    print(line(name, figures['figures'][-1]), flush=True)
    about['load_after'] = float(machine.read('/proc/loadavg', '0 ').split()[0])
    if o.json:
        o.json.write_text(json.dumps(result, indent=1) + '\n')
    return 0


if __name__ == '__main__':
    os.environ.setdefault('PYTHONUNBUFFERED', '1')
    sys.exit(main(sys.argv[2:]))
