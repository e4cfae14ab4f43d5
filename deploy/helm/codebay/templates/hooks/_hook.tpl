{{/* (dict "root" $ "on" "pre-install,pre-upgrade" "weight" "-10"): nothing where hooks are plain Jobs. */}}
{{- define "codebay.hookAnnotations" -}}
{{- if not .root.Values.gitops }}
annotations:
  helm.sh/hook: {{ .on }}
  helm.sh/hook-weight: {{ .weight | quote }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
  helm.sh/hook-output-log-policy: hook-failed
{{- end }}
{{- end }}

{{/* When store and queue are there: with the release in the evaluation, before it otherwise. */}}
{{- define "codebay.prepareOn" -}}
{{ ternary "post-install,pre-upgrade" "pre-install,pre-upgrade" .Values.evaluation.enabled }}
{{- end }}

{{/* (dict "root" $ "name" "secrets" "on" … "weight" … "backoff" 3 "account" … "pod" <rest of the pod's spec as YAML>) */}}
{{- define "codebay.hookJob" -}}
{{- $who := dict "root" .root "component" "hooks" }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "codebay.fullname" .root }}-{{ .name }}{{ if .root.Values.gitops }}-{{ printf "%s%s" .pod .root.Chart.AppVersion | sha256sum | trunc 8 }}{{ end }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "codebay.labels" $who | nindent 4 }}
  {{- include "codebay.hookAnnotations" . | nindent 2 }}
spec:
  backoffLimit: {{ .backoff }}
  activeDeadlineSeconds: 600
  template:
    metadata:
      labels: {{- include "codebay.labels" $who | nindent 8 }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ include "codebay.fullname" .root }}-{{ .account }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- include "codebay.pullSecrets" .root | nindent 6 }}
      securityContext: {{- include "codebay.podSecurity" .root | nindent 8 }}
      {{- .pod | nindent 6 }}
{{- end }}

{{/* (dict "root" $ "name" "migrate" "args" (list …) "env" <YAML> "token" true): one container of a hook. */}}
{{- define "codebay.hookContainer" -}}
- name: {{ .name }}
  image: {{ include "codebay.image" (dict "root" .root "image" .root.Values.image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: {{ prepend .args "admin" | toJson }}
  {{- with .env }}
  env: {{- . | nindent 4 }}
  {{- end }}
  resources: {{- toYaml .root.Values.hooks.resources | nindent 4 }}
  securityContext: {{- include "codebay.containerSecurity" .root | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- if .token }}
    {{- include "codebay.tokenMount" .root | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "codebay.tmpVolume" -}}
- name: tmp
  emptyDir: {sizeLimit: 128Mi}
{{- end }}

{{/* (dict "root" $ "services" (list "worker")): the settings of these services as a hook's variables. */}}
{{- define "codebay.hookEnv" -}}
{{- $root := .root }}
{{- $all := dict }}
{{- range .services }}{{ $all = merge $all (include "codebay.settings" (dict "root" $root "service" .) | fromYaml) }}{{ end }}
{{- range $key, $value := $all }}
- {name: {{ $key }}, value: {{ $value | toString | quote }}}
{{- end }}
{{ include "codebay.secretEnv" (dict "root" $root "service" (first .services)) }}
{{- end }}
