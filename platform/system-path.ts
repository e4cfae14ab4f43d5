/** Where the system's programs stand. Fixed, since what decides which program executes must not come from an environment. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
