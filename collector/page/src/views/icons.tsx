// The page's few drawings. They are ornaments: what they stand for is always said in words, too.
import type {ComponentChildren} from 'preact';

function Icon({children}: {children: ComponentChildren}) {
  return (
    <svg
      class="icon"
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const Logo = () => (
  <svg class="logo" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
    <path d="M8 5v10a8 8 0 0 0 16 0V5" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round" />
    <path d="M8 28h16" fill="none" class="logo-line" stroke-width="3.4" stroke-linecap="round" />
  </svg>
);
export const Plus = () => (
  <Icon>
    <path d="M8 3.5v9M3.5 8h9" />
  </Icon>
);
export const Minus = () => (
  <Icon>
    <path d="M3.5 8h9" />
  </Icon>
);
export const Cross = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const Pause = () => (
  <Icon>
    <path d="M5.5 3.5v9M10.5 3.5v9" />
  </Icon>
);
export const Play = () => (
  <Icon>
    <path d="M5 3.2v9.6L12.5 8z" fill="currentColor" />
  </Icon>
);
export const Search = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.2" />
    <path d="m10.2 10.2 3.3 3.3" />
  </Icon>
);
export const Funnel = () => (
  <Icon>
    <path d="M2.5 3.5h11L9.4 8.6v4.2l-2.8-1.4V8.6z" />
  </Icon>
);
export const Copy = () => (
  <Icon>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 3.2H4a1.5 1.5 0 0 0-1.5 1.5v6" />
  </Icon>
);
export const Link = () => (
  <Icon>
    <path d="M6.6 9.4a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 0 0-3.7-3.7l-.9.9M9.4 6.6a2.6 2.6 0 0 0-3.7 0L3.5 8.8a2.6 2.6 0 0 0 3.7 3.7l.9-.9" />
  </Icon>
);
export const Theme = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.3" />
    <path d="M8 2.7a5.3 5.3 0 0 1 0 10.6z" fill="currentColor" />
  </Icon>
);
export const Keys = () => (
  <Icon>
    <rect x="1.8" y="4" width="12.4" height="8" rx="1.5" />
    <path d="M4.4 6.8h.01M7 6.8h.01M9.6 6.8h.01M12 6.8h.01M5.2 9.6h5.6" />
  </Icon>
);
export const Exit = () => (
  <Icon>
    <path d="M9.5 3H4v10h5.5M7 8h7M11.6 5.6 14 8l-2.4 2.4" />
  </Icon>
);
export const External = () => (
  <Icon>
    <path d="M9.5 3h3.5v3.5M13 3 7.8 8.2M11.5 9.5V13H3V4.5h3.5" />
  </Icon>
);
export const Back = () => (
  <Icon>
    <path d="M9.8 3.5 5.3 8l4.5 4.5" />
  </Icon>
);
