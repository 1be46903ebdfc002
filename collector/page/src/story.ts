// What an alert's fields tell together: the line of processes, the call stack, the techniques.
import type {Alert} from './api';
import {scalar} from './text';

export interface Process {
  field: string; // which conditions name
  name: string;
  pid: string;
  command: string;
  self: boolean;
}
const MOST_ANCESTORS = 32;

// The oldest known ancestor first, the process itself last. Falco's names: proc.X, proc.pX, proc.aX[N] with N = 1 for the parent.
export function ancestry(alert: Alert): Process[] {
  const of = (name: string) => scalar(alert.fields[name]) ?? scalar(alert.context[name]) ?? '';
  const known = (name: string) => {
    const value = of(name);
    return value === '<NA>' ? '' : value;
  };
  const line: Process[] = [
    {field: 'proc.name', name: known('proc.name'), pid: known('proc.pid'), command: known('proc.cmdline'), self: true},
  ];
  const parent = known('proc.pname') || known('proc.aname[1]');
  line.push({
    field: 'proc.pname',
    name: parent,
    pid: known('proc.ppid') || known('proc.apid[1]'),
    command: known('proc.pcmdline') || known('proc.acmdline[1]'),
    self: false,
  });
  for (let n = 2; n <= MOST_ANCESTORS; ++n)
    line.push({
      field: `proc.aname[${n}]`,
      name: known(`proc.aname[${n}]`),
      pid: known(`proc.apid[${n}]`),
      command: known(`proc.acmdline[${n}]`),
      self: false,
    });
  while (line.length > 0 && !line[line.length - 1]!.name) line.pop();
  return line.reverse();
}

export interface Frame {
  text: string;
  guessed: boolean;
}

// thread.stack: "inner+0x4 <- outer+0x10 <-? main+0x20", `<-?` before what was guessed; docs/rules.md.
export function stack(alert: Alert): Frame[] {
  const text = scalar(alert.fields['thread.stack']) ?? scalar(alert.context['thread.stack']) ?? '';
  if (text === '' || text === '<NA>') return [];
  const frames: Frame[] = [];
  for (const part of text.split(/ (?=<-)/)) {
    const arrow = /^<-(\?)? (.*)$/s.exec(part);
    frames.push(arrow ? {text: arrow[2]!, guessed: arrow[1] === '?'} : {text: part, guessed: false});
  }
  return frames.slice(0, 200);
}

// Links are made of the checked number alone, never of a text.
export function techniques(tags: string[]): {id: string; link: string}[] {
  const found = [];
  for (const tag of tags) {
    const match = /^T(\d{4})(?:\.(\d{3}))?$/.exec(tag);
    if (match) found.push({id: tag, link: `https://attack.mitre.org/techniques/T${match[1]}/${match[2] ? `${match[2]}/` : ''}`});
  }
  return found;
}
