// Command relabeling does what Prometheus and vmagent do, for a comparison of the two:
//
//	relabeling generate < objects.json      the configuration that prometheus-operator makes of ServiceMonitors and their like
//	relabeling apply < {"prometheus": [{"rules": [...], "labels": [{...}]}], "vmagent": [...]}
//
// apply prints the label sets that come of each, null for one that is dropped.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/VictoriaMetrics/VictoriaMetrics/lib/prompb"
	"github.com/VictoriaMetrics/VictoriaMetrics/lib/promrelabel"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	"github.com/prometheus-operator/prometheus-operator/pkg/assets"
	"github.com/prometheus-operator/prometheus-operator/pkg/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"gopkg.in/yaml.v2"
	corev1 "k8s.io/api/core/v1"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 1 && args[0] == "generate" {
		return generate(in, out)
	}
	if len(args) == 1 && args[0] == "apply" {
		return apply(in, out)
	}
	return fmt.Errorf("usage: relabeling generate|apply")
}

func generate(in io.Reader, out io.Writer) error {
	var raws []json.RawMessage
	if err := json.NewDecoder(in).Decode(&raws); err != nil {
		return err
	}
	owner := &monitoringv1.Prometheus{}
	owner.Namespace, owner.Name = "monitoring", "main"
	services := map[string]*monitoringv1.ServiceMonitor{}
	pods := map[string]*monitoringv1.PodMonitor{}
	probes := map[string]*monitoringv1.Probe{}
	scrapes := map[string]*monitoringv1alpha1.ScrapeConfig{}
	var held []any
	for _, raw := range raws {
		var head struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		if err := json.Unmarshal(raw, &head); err != nil {
			return err
		}
		key := head.Metadata.Namespace + "/" + head.Metadata.Name
		var err error
		switch head.Kind {
		case "ServiceMonitor":
			services[key], err = decoded[monitoringv1.ServiceMonitor](raw)
		case "PodMonitor":
			pods[key], err = decoded[monitoringv1.PodMonitor](raw)
		case "Probe":
			probes[key], err = decoded[monitoringv1.Probe](raw)
		case "ScrapeConfig":
			scrapes[key], err = decoded[monitoringv1alpha1.ScrapeConfig](raw)
		case "Secret":
			var secret *corev1.Secret
			secret, err = decoded[corev1.Secret](raw)
			held = append(held, secret)
		case "ConfigMap":
			var configMap *corev1.ConfigMap
			configMap, err = decoded[corev1.ConfigMap](raw)
			held = append(held, configMap)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", head.Kind, key, err)
		}
	}
	generator, err := prometheus.NewConfigGenerator(nil, owner, prometheus.WithEndpointSliceSupport())
	if err != nil {
		return err
	}
	store := assets.NewTestStoreBuilder(held...)
	text, err := generator.GenerateServerConfiguration(owner, services, pods, probes, scrapes, store, nil, nil, nil, nil)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func decoded[T any](raw []byte) (*T, error) {
	value := new(T)
	return value, json.Unmarshal(raw, value)
}

type job struct {
	Rules  json.RawMessage     `json:"rules"`
	Labels []map[string]string `json:"labels"`
}

func apply(in io.Reader, out io.Writer) error {
	var given struct{ Prometheus, VMAgent []job }
	if err := json.NewDecoder(in).Decode(&given); err != nil {
		return err
	}
	made := map[string][][]map[string]string{"prometheus": {}, "vmagent": {}}
	for _, each := range given.Prometheus {
		found, err := byPrometheus(each)
		if err != nil {
			return fmt.Errorf("prometheus: %w in %s", err, each.Rules)
		}
		made["prometheus"] = append(made["prometheus"], found)
	}
	for _, each := range given.VMAgent {
		found, err := byVMAgent(each)
		if err != nil {
			return fmt.Errorf("vmagent: %w in %s", err, each.Rules)
		}
		made["vmagent"] = append(made["vmagent"], found)
	}
	return json.NewEncoder(out).Encode(made)
}

func byPrometheus(each job) ([]map[string]string, error) {
	var rules []*relabel.Config
	if err := yaml.Unmarshal(each.Rules, &rules); err != nil { // JSON is YAML
		return nil, err
	}
	for _, rule := range rules {
		if err := rule.Validate(model.UTF8Validation); err != nil {
			return nil, err
		}
	}
	made := make([]map[string]string, len(each.Labels))
	for i, given := range each.Labels {
		builder := labels.NewBuilder(labels.FromMap(given))
		if relabel.ProcessBuilder(builder, rules...) {
			made[i] = builder.Labels().Map()
		}
	}
	return made, nil
}

func byVMAgent(each job) ([]map[string]string, error) {
	rules, err := promrelabel.ParseRelabelConfigsData(each.Rules)
	if err != nil {
		return nil, err
	}
	made := make([]map[string]string, len(each.Labels))
	for i, given := range each.Labels {
		var list []prompb.Label
		for name, value := range given {
			list = append(list, prompb.Label{Name: name, Value: value})
		}
		sort.Slice(list, func(a, b int) bool { return list[a].Name < list[b].Name })
		kept := rules.Apply(list, 0)
		if len(kept) == 0 {
			continue
		}
		made[i] = map[string]string{}
		for _, label := range kept {
			made[i][label.Name] = label.Value
		}
	}
	return made, nil
}
