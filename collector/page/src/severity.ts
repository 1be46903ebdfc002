// Falco's priorities, and the five groups in which the page draws them.

export const PRIORITIES = ['Emergency', 'Alert', 'Critical', 'Error', 'Warning', 'Notice', 'Informational', 'Debug'];

export interface Group {
  name: string; // of the colour, --critical in the styles
  label: string;
  severities: number[];
}
export const GROUPS: Group[] = [
  {name: 'critical', label: 'Critical and above', severities: [0, 1, 2]},
  {name: 'error', label: 'Error', severities: [3]},
  {name: 'warning', label: 'Warning', severities: [4]},
  {name: 'notice', label: 'Notice', severities: [5]},
  {name: 'info', label: 'Informational, Debug', severities: [6, 7]},
];
export const groupOf = (severity: number) => GROUPS.find(g => g.severities.includes(severity)) ?? GROUPS[4]!;
export const shortName = (priority: string) => (priority === 'Informational' ? 'Info' : priority);
