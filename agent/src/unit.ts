/** Where an installed agent's files are. */
export const INSTALLED = {
  user: "holdfast-agent",
  releases: "/opt/holdfast-agent/releases",
  current: "/opt/holdfast-agent/current",
  executable: "/opt/holdfast-agent/current/holdfast-agent",
  programs: "/opt/holdfast-agent",
  trusted: "/opt/holdfast-agent/trusted",
  supervisor: "/opt/holdfast-agent/trusted/holdfast-agent",
  settings: "/etc/holdfast-agent",
  config: "/etc/holdfast-agent/config.json",
  token: "/etc/holdfast-agent/enrol-token",
  releaseKeys: "/etc/holdfast-agent/release-keys",
  state: "/var/lib/holdfast-agent",
  unitName: "holdfast-agent.service",
  unit: "/etc/systemd/system/holdfast-agent.service",
  updateUnitName: "holdfast-agent-update.service",
  updateUnit: "/etc/systemd/system/holdfast-agent-update.service",
  updatePathName: "holdfast-agent-update.path",
  updatePath: "/etc/systemd/system/holdfast-agent-update.path",
  powerRule: "/etc/polkit-1/rules.d/50-holdfast-agent.rules",
} as const;

/**
 * The systemd unit of the agent. An unprivileged user with one capability, to read what firmware shows to root alone.
 * What it may do beyond its own directory, switching the machine, logind and polkit decide by `powerRule`.
 * Never MemoryDenyWriteExecute: V8 could not compile. Never ProcSubset=pid: it hides /proc/cpuinfo.
 */
export function unitText(executable: string = INSTALLED.executable): string {
  return `[Unit]
Description=Holdfast agent: keeps this machine in touch with its site
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
# systemd-notify run by a user that is not root is seen under its own process id.
NotifyAccess=all
ExecStart=${executable} run --config ${INSTALLED.config} --allow-power
Restart=always
RestartSec=10
# Each sign of life starts a process, so they are rare.
WatchdogSec=300
TimeoutStartSec=120
TimeoutStopSec=15

User=${INSTALLED.user}
Group=${INSTALLED.user}
UMask=0077
StateDirectory=holdfast-agent
StateDirectoryMode=0700
AmbientCapabilities=CAP_DAC_READ_SEARCH
CapabilityBoundingSet=CAP_DAC_READ_SEARCH

MemoryHigh=128M
MemoryMax=192M
CPUQuota=20%
TasksMax=64
OOMScoreAdjust=-500
LogRateLimitIntervalSec=30s
LogRateLimitBurst=200

NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}

/**
 * The unit that exchanges the agent for a newer release, as root: the agent may not write where it runs from. Started by the path
 * unit when the agent has fetched one, and at each boot, to go on with what was left unfinished.
 */
export function updateUnitText(executable: string = INSTALLED.supervisor): string {
  return `[Unit]
Description=Holdfast agent: takes up a newer release of it, or goes back
After=local-fs.target

[Service]
Type=oneshot
ExecStart=${executable} supervise-update
TimeoutStartSec=15min
UMask=0022
NoNewPrivileges=yes
ProtectHome=yes
PrivateTmp=yes
PrivateNetwork=yes

[Install]
WantedBy=multi-user.target
`;
}

/** The unit that starts the exchange. */
export function updatePathText(): string {
  return `[Unit]
Description=Holdfast agent: waits for a newer release of it

[Path]
PathExists=${INSTALLED.state}/update/ready

[Install]
WantedBy=multi-user.target
`;
}

/**
 * The polkit rule by which the agent's user, who is not root, may have logind switch the machine off and reset it: whoever is
 * logged in, and whatever asked not to be interrupted, where the site orders that.
 */
export function powerRuleText(): string {
  return `// Holdfast: lets the agent switch this machine when its site orders it.
polkit.addRule(function (action, subject) {
  var allowed = /^org\\.freedesktop\\.login1\\.(power-off|reboot)(-multiple-sessions|-ignore-inhibit)?$/;
  if (subject.user === "${INSTALLED.user}" && allowed.test(action.id)) return polkit.Result.YES;
});
`;
}
