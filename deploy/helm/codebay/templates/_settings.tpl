{{/* A setting's value as its environment variable's text: lists joined by commas, objects as JSON, numbers without an exponent. */}}
{{- define "codebay.settingText" -}}
{{- if kindIs "slice" . }}{{ join "," . }}
{{- else if kindIs "map" . }}{{ toJson . }}
{{- else if kindIs "float64" . }}{{ if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}
{{- else }}{{ . }}{{ end -}}
{{- end }}

{{/* CODEBAY_KUBERNETES_POD: what an operator decides about the pods of runs. */}}
{{- define "codebay.runPod" -}}
{{- $pod := .Values.runs.pod }}
{{- $text := dict "node_selector" $pod.nodeSelector "tolerations" $pod.tolerations "pull_secrets" $pod.pullSecrets "labels" $pod.labels "annotations" $pod.annotations }}
{{- if .Values.runs.priorityClass.create }}{{ $_ := set $text "priority_class" (printf "%s-runs" (include "codebay.fullname" .)) }}{{ end }}
{{- with $pod.runtimeClass }}{{ $_ := set $text "runtime_class" . }}{{ end }}
{{- with $pod.codeStorageClass }}{{ $_ := set $text "code_storage_class" . }}{{ end }}
{{- toJson $text }}
{{- end }}

{{/* (dict "root" $ "service" "api"): what the ConfigMap of a service holds, as a YAML map. */}}
{{- define "codebay.settings" -}}
{{- $root := .root }}
{{- $service := .service }}
{{- $table := $root.Files.Get "files/settings.yaml" | fromYaml }}
{{- $own := index $root.Values $service | default dict }}
{{- $all := dict }}
{{- range $name, $services := $table.free }}
{{- if and (hasKey $root.Values.settings $name) (has $service $services) }}
{{- $_ := set $all $name (include "codebay.settingText" (index $root.Values.settings $name)) }}
{{- end }}
{{- end }}
{{- $_ := set $all "CODEBAY_DATA" "/var/lib/codebay" }}
{{- $_ := set $all "CODEBAY_STORE" "mysql" }}
{{- $_ := set $all "CODEBAY_DRAIN_SECONDS" (include "codebay.settingText" $own.drainSeconds) }}
{{- if has $service (list "api" "worker" "ingest") }}
{{- $_ := set $all "TEMPORAL_ADDRESS" (include "codebay.temporalAddress" $root) }}
{{- end }}
{{- if ne $service "ingest" }}
{{- $_ := set $all "CODEBAY_CACHE" (ternary "redis" "process" (ne (include "codebay.cacheSecret" $root) "")) }}
{{- $_ := set $all "CODEBAY_OBJECTS" (ternary "folder" "cos" $root.Values.evaluation.enabled) }}
{{- $_ := set $all "CODEBAY_SECRET_FILE" "/etc/codebay/station/secret" }}
{{- end }}
{{- if eq $service "api" }}
{{- $_ := set $all "CODEBAY_LISTENERS" "api" }}
{{- $_ := set $all "CODEBAY_HOST" "0.0.0.0" }}
{{- $_ := set $all "CODEBAY_PORT" "8420" }}
{{- end }}
{{- if eq $service "gateway" }}
{{- $_ := set $all "CODEBAY_LISTENERS" "gateway" }}
{{- $_ := set $all "CODEBAY_GATEWAY_HOST" "0.0.0.0" }}
{{- $_ := set $all "CODEBAY_GATEWAY_PORT" "8421" }}
{{- if $root.Values.setupSecrets.existingSecret }}
{{- $_ := set $all "CODEBAY_SETUP_SECRETS_FILE" "/etc/codebay/setup/secrets.json" }}
{{- end }}
{{- end }}
{{- if has $service (list "api" "gateway") }}
{{- $_ := set $all "CODEBAY_DRAIN_NOTICE_SECONDS" (include "codebay.settingText" $own.drainNoticeSeconds) }}
{{- end }}
{{- if eq $service "ingest" }}
{{- $_ := set $all "CODEBAY_HOST" "0.0.0.0" }}
{{- $_ := set $all "CODEBAY_INGEST_PORT" "8422" }}
{{- end }}
{{- if eq $service "worker" }}
{{- $_ := set $all "CODEBAY_WORKER_PORT" "8423" }}
{{- $_ := set $all "CODEBAY_HOST" "0.0.0.0" }}
{{- $_ := set $all "CODEBAY_RUNNER" "kubernetes" }}
{{- $_ := set $all "CODEBAY_KUBERNETES_NAMESPACE" (include "codebay.runsNamespace" $root) }}
{{- $_ := set $all "CODEBAY_INSTALLATION" (include "codebay.fullname" $root) }}
{{- $_ := set $all "CODEBAY_SIDECAR_IMAGE" (include "codebay.image" (dict "root" $root "image" $root.Values.image)) }}
{{- $_ := set $all "CODEBAY_AGENT_IMAGE" (include "codebay.image" (dict "root" $root "image" $root.Values.agentImage)) }}
{{- /* The worker looks this name up at each run's start and gives runs the address: they have no DNS. */}}
{{- $_ := set $all "CODEBAY_GATEWAY_URL" (printf "http://%s-gateway:8421" (include "codebay.fullname" $root)) }}
{{- $_ := set $all "CODEBAY_KUBERNETES_POD" (include "codebay.runPod" $root) }}
{{- end }}
{{- toYaml $all }}
{{- end }}

{{/* (dict "root" $ "service" "api"): the variables that come from Secrets; each service gets only its own. */}}
{{- define "codebay.secretEnv" -}}
{{- $root := .root }}
{{- $service := .service }}
- name: CODEBAY_MYSQL_URL
  valueFrom: {secretKeyRef: {name: {{ include "codebay.storeSecret" $root | quote }}, key: {{ $root.Values.store.key }}}}
{{- if and (ne $service "ingest") (ne (include "codebay.cacheSecret" $root) "") }}
- name: CODEBAY_REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ include "codebay.cacheSecret" $root }}, key: {{ $root.Values.cache.key }}}}
{{- end }}
{{- if and (ne $service "ingest") (not $root.Values.evaluation.enabled) }}
{{- range $variable, $key := dict "CODEBAY_COS_SECRET_ID" $root.Values.cos.idKey "CODEBAY_COS_SECRET_KEY" $root.Values.cos.keyKey }}
- name: {{ $variable }}
  valueFrom: {secretKeyRef: {name: {{ $root.Values.cos.existingSecret | quote }}, key: {{ $key }}}}
{{- end }}
{{- end }}
{{- if and (eq $service "gateway") (ne (include "codebay.modelSecret" $root) "") }}
- name: OPENAI_API_KEY
  valueFrom: {secretKeyRef: {name: {{ include "codebay.modelSecret" $root }}, key: {{ $root.Values.model.key }}}}
{{- end }}
{{- if and (eq $service "ingest") $root.Values.ingest.ownerSecret.existingSecret }}
- name: CODEBAY_KAFKA_OWNER_SECRET
  valueFrom: {secretKeyRef: {name: {{ $root.Values.ingest.ownerSecret.existingSecret }}, key: {{ $root.Values.ingest.ownerSecret.key }}}}
{{- end }}
{{- end }}
