const MINUTES = { d: 1440, h: 60, m: 1 };

/** Minutes in a duration such as `6h 12m`; units stand from large to small, and a minus in front counts for all of it. */
export const parseDuration = (text) => {
  const parts = [...text.matchAll(/(-?\d+)\s*([dhm])/g)];
  if (parts.length === 0) throw new RangeError(`not a duration: ${text}`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * MINUTES[unit], 0);
};

/** A duration as a tide table prints it: `-1h 05m` is an hour and five minutes before. */
export const formatDuration = (minutes) => {
  const sign = minutes < 0 ? '-' : '';
  const rest = Math.abs(minutes);
  return `${sign}${Math.floor(rest / 60)}h ${String(rest % 60).padStart(2, '0')}m`;
};
