// The live stream: a WebSocket that comes back by itself, see "Live stream" in docs/collector.md.
import type {Alert} from './api';

export type LiveState = 'connecting' | 'live' | 'lost';
export interface LiveHandlers {
  onState(state: LiveState | 'refused'): void; // 'live': from here on nothing is missed until the next change
  onAlerts(alerts: Alert[], skipped: number): void;
}
export interface Wanted {
  filter: string;
  q: string;
  priority: string;
}

const LONGEST_WAIT = 15_000;

export class Live {
  private socket: WebSocket | null = null;
  private timer = 0;
  private failures = 0;
  private ended = false;

  constructor(
    private readonly wanted: Wanted,
    private readonly handlers: LiveHandlers,
  ) {
    this.connect();
  }

  close() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  private connect() {
    if (this.ended) return;
    const socket = new WebSocket(`wss://${location.host}/api/v1/live`);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({type: 'subscribe', ...this.wanted}));
    socket.onmessage = event => this.take(String(event.data));
    socket.onclose = () => this.lost();
  }

  private take(text: string) {
    if (this.ended) return;
    const message = JSON.parse(text);
    if (message.type === 'subscribed') {
      this.failures = 0;
      this.handlers.onState('live');
    } else if (message.type === 'alerts') {
      this.handlers.onAlerts(message.alerts, message.skipped);
    } else if (message.type === 'error') {
      this.handlers.onState('refused'); // the search refuses the same filter, and says why
    }
  }

  private lost() {
    if (this.ended) return;
    this.handlers.onState('lost');
    const wait = Math.min(LONGEST_WAIT, 500 * 2 ** this.failures++) * (0.5 + Math.random() / 2);
    this.timer = window.setTimeout(() => this.connect(), wait);
  }
}
