// The fields of metadata, conditions and references.
#pragma once

#include "resource/meta.h"
#include "resource/schema/field_spec.h"

namespace remit::resource {

template <typename V>
void describe(V& v, OwnerReference& o) {
  v(field("apiVersion", "Of the owner.").required().format(Format::kLine), o.api_version);
  v(field("kind", "Of the owner.").required().format(Format::kLine), o.kind);
  v(field("name", "Of the owner.").required().format(Format::kDnsSubdomain), o.name);
  v(field("uid", "Of the owner.").required().format(Format::kLine), o.uid);
  v(field("controller", "Whether this owner manages the object."), o.controller);
  v(field("blockOwnerDeletion", "Whether the owner waits for this object to go."), o.block_owner_deletion);
}

template <typename V>
void describe(V& v, ObjectMeta& m) {
  v(field("name", "Unique within kind and namespace.").format(Format::kDnsSubdomain).length(1, limits::kNameBytes),
    m.name);
  v(field("generateName", "Start of a name that the store completes.")
        .format(Format::kLine)
        .length(0, limits::kNameBytes - 5),
    m.generate_name);
  v(field("namespace", "Absent: 'default'.").format(Format::kDnsLabel).length(1, limits::kLabelBytes), m.ns);
  v(field("uid", "Given by the store.").format(Format::kLine), m.uid);
  v(field("resourceVersion", "Given by the store at every change.").format(Format::kLine), m.resource_version);
  v(field("generation", "Counts changes of spec.").range(0, INT64_MAX).zero_absent(), m.generation);
  v(field("creationTimestamp", "Given by the store.").format(Format::kTimestamp), m.creation_timestamp);
  v(field("deletionTimestamp", "Set while finalizers hold the object back from deletion.").format(Format::kTimestamp),
    m.deletion_timestamp);
  v(field("labels", "What selectors match.").format(Format::kLabelValue).items(0, limits::kListItems), m.labels);
  v(field("annotations", "Notes of tools and people.").length(0, limits::kAnnotationBytes), m.annotations);
  v(field("finalizers", "Who must clean up before the object may go.").format(Format::kQualifiedName).unique(),
    m.finalizers);
  v(field("ownerReferences", "Objects that this one belongs to.").keyed_by("uid"), m.owner_references);
  v.accept(field("managedFields", "Kubernetes' own book-keeping."));
  v.accept(field("selfLink", "Of old Kubernetes."));
  v.accept(field("deletionGracePeriodSeconds", "Kubernetes' own."));
}

template <typename V>
void describe(V& v, Condition& c) {
  v(field("type", "What it is about, in CamelCase.").required().format(Format::kQualifiedName).length(1, 316), c.type);
  v(field("status", "Whether it holds.").required(), c.status);
  v(field("observedGeneration", "The generation that it was found for.").range(0, INT64_MAX), c.observed_generation);
  v(field("lastTransitionTime", "When status last changed.").format(Format::kTimestamp), c.last_transition_time);
  v(field("reason", "One word in CamelCase, for programs.").format(Format::kLine).length(0, 1024), c.reason);
  v(field("message", "For people.").length(0, 32768), c.message);
}

template <typename V>
void describe(V& v, NameRef& r) {
  v(field("name", "Name of the object in the same namespace.")
        .required()
        .format(Format::kDnsSubdomain)
        .length(1, limits::kNameBytes),
    r.name);
}

template <typename V>
void describe(V& v, SecretRef& r) {
  v(field("env", "Environment variable of the daemon that holds the secret.").format(Format::kEnvName).length(1, 128),
    r.env);
  v(field("file", "File whose first line is the secret.").format(Format::kPath), r.file);
  v.exactly_one_of({"env", "file"});
}

// apiVersion, kind and the three parts that every kind has.
template <typename V, typename Kind>
void describe_object(V& v, Kind& object, const FieldSpec& spec) {
  static constexpr auto kRoot = [](std::string_view name) { return field(name, ""); };
  std::string api_version, kind;
  v(kRoot("apiVersion").required().format(Format::kLine), api_version);
  v(kRoot("kind").required().format(Format::kLine), kind);
  v(kRoot("metadata").required(), object.metadata);
  v(spec, object.spec);
  v(field("status", "What the runtime found; written by it alone.").keep_absent(), object.status);
}

}  // namespace remit::resource
