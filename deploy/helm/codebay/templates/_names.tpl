{{- define "codebay.fullname" -}}
{{- if contains "codebay" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-codebay" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "codebay.runsNamespace" -}}
{{ .Values.runs.namespace.name | default (printf "%s-runs" .Release.Namespace) }}
{{- end }}

{{/* (dict "root" $ "component" "api") */}}
{{- define "codebay.selector" -}}
app.kubernetes.io/name: codebay
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "codebay.labels" -}}
{{ include "codebay.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: codebay
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* (dict "root" $ "image" .Values.image) */}}
{{- define "codebay.image" -}}
{{- if .image.digest }}{{ .image.repository }}@{{ .image.digest }}{{ else }}{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{- define "codebay.temporalAddress" -}}
{{- if .Values.evaluation.enabled }}{{ include "codebay.fullname" . }}-temporal:7233{{ else }}{{ .Values.settings.TEMPORAL_ADDRESS }}{{ end -}}
{{- end }}

{{- define "codebay.stationSecret" -}}
{{ .Values.station.existingSecret | default (printf "%s-station" (include "codebay.fullname" .)) }}
{{- end }}

{{- define "codebay.storeSecret" -}}
{{- if .Values.evaluation.enabled }}{{ include "codebay.fullname" . }}-mysql{{ else }}{{ .Values.store.existingSecret }}{{ end -}}
{{- end }}

{{- define "codebay.cacheSecret" -}}
{{- if .Values.evaluation.enabled }}{{ include "codebay.fullname" . }}-redis{{ else }}{{ .Values.cache.existingSecret }}{{ end -}}
{{- end }}

{{- define "codebay.modelSecret" -}}
{{- if .Values.model.apiKey }}{{ include "codebay.fullname" . }}-model{{ else }}{{ .Values.model.existingSecret }}{{ end -}}
{{- end }}

{{- define "codebay.firstKeySecret" -}}
{{ include "codebay.fullname" . }}-first-key
{{- end }}

{{- define "codebay.wantsTopics" -}}
{{- if and .Values.settings.CODEBAY_KAFKA_BROKERS .Values.hooks.topics.enabled }}yes{{ end -}}
{{- end }}

{{/* What the hook makes where it is absent, as `codebay admin secrets` takes it. */}}
{{- define "codebay.secretPlan" -}}
{{- $plan := list }}
{{- if not .Values.station.existingSecret }}
{{- $plan = append $plan (dict "name" (include "codebay.stationSecret" .) "random" (list "secret")) }}
{{- end }}
{{- if .Values.evaluation.enabled }}
{{- $name := include "codebay.fullname" . }}
{{- $plan = append $plan (dict "name" (include "codebay.storeSecret" .) "random" (list "password" "root-password") "values" (dict "url" (printf "mysql://codebay:{password}@%s-mysql:3306/codebay" $name))) }}
{{- $plan = append $plan (dict "name" (include "codebay.cacheSecret" .) "random" (list "password") "values" (dict "url" (printf "redis://:{password}@%s-redis:6379/0" $name))) }}
{{- end }}
{{- toJson $plan }}
{{- end }}

{{- define "codebay.testPod" -}}
{{ include "codebay.fullname" . }}-test
{{- end }}

{{/* Names of the Jobs of an installation's hooks. */}}
{{- define "codebay.hookJobs" -}}
{{- $names := list }}
{{- range list "secrets" "preflight" "prepare" }}{{ $names = append $names (printf "%s-%s" (include "codebay.fullname" $) .) }}{{ end }}
{{- toJson $names }}
{{- end }}

{{/* Names of all Secrets that hooks make. */}}
{{- define "codebay.madeSecrets" -}}
{{- $names := list (include "codebay.firstKeySecret" .) }}
{{- range (include "codebay.secretPlan" . | fromJsonArray) }}{{ $names = append $names .name }}{{ end }}
{{- toJson $names }}
{{- end }}
