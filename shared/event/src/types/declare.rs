//! How an event type is told once: one declaration makes its variant, reader, writer, and row of the catalogue.

/// Declares every type. Below `sent` what senders may send, each with its sample; below `internal` what only Laurel makes.
/// The sample stands as `id, source, time`, a member's as JSON.
macro_rules! types {
    (
        sent {$(
            $(#[doc = $doc:literal])*
            $variant:ident = $name:literal, ($sample_id:literal, $sample_source:literal, $sample_time:literal) {$(
                $(#[doc = $field_doc:literal])*
                $field:ident: $form:ty $(= $example:literal)?,
            )*}
        )*}
        internal {$(
            $(#[doc = $own_doc:literal])*
            $own_variant:ident = $own_name:literal {$(
                $(#[doc = $own_field_doc:literal])*
                $own_field:ident: $own_form:ty,
            )*}
        )*}
    ) => {
        /// What happened. All sent types may earn by a rule.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Kind {
            $($(#[doc = $doc])* $variant {$($(#[doc = $field_doc])* $field: $form,)*},)*
            $($(#[doc = $own_doc])* $own_variant {$($(#[doc = $own_field_doc])* $own_field: $own_form,)*},)*
            /// Something of a type that the program declares.
            Own(Box<Own>),
        }

        impl Kind {
            /// The CloudEvents `type`.
            pub fn name(&self) -> &str {
                match self {
                    Kind::Own(own) => own.name(),
                    $(Kind::$variant { .. } => $name,)*
                    $(Kind::$own_variant { .. } => $own_name,)*
                }
            }

            /// Reads the members of `data` that the type declares. `None`: no such type.
            fn members(name: &str, data: &Json<'_>) -> Option<Result<Self, Rejection>> {
                Some(match name {
                    $($name => {
                        let mut faults = Faults::default();
                        $(let $field = faults.keep(<$form as Member>::read(data.get(stringify!($field)), concat!("data.", stringify!($field))));)*
                        let read = (|| Some(Kind::$variant { $($field: $field?,)* }))();
                        read.ok_or_else(|| faults.told().unwrap_or_else(|| Rejection::missing("data")))
                    })*
                    $($own_name => {
                        let mut faults = Faults::default();
                        $(let $own_field = faults.keep(<$own_form as Member>::read(data.get(stringify!($own_field)), concat!("data.", stringify!($own_field))));)*
                        let read = (|| Some(Kind::$own_variant { $($own_field: $own_field?,)* }))();
                        read.ok_or_else(|| faults.told().unwrap_or_else(|| Rejection::missing("data")))
                    })*
                    _ => return None,
                })
            }

            /// Tells each member that the type declares, in the order of the declaration.
            fn each_member<'a>(&'a self, mut tell: impl FnMut(&'a str, &'a dyn Shown)) {
                match self {
                    Kind::Own(own) => own.each_member(&mut tell),
                    $(Kind::$variant {$($field,)*} => {$(tell(stringify!($field), $field);)*})*
                    $(Kind::$own_variant {$($own_field,)*} => {$(tell(stringify!($own_field), $own_field);)*})*
                }
                // A type without members tells nothing.
                let _ = &mut tell;
            }

            /// The first of its members that names what is asked for; a type of a vendor's own names persons only.
            fn first_named<'a, T>(&'a self, asked: impl Fn(Named<'a>) -> Option<T>) -> Option<T> {
                match self {
                    Kind::Own(_) => None,
                    $(Kind::$variant {$($field,)*} => None$(.or_else(|| asked(Member::named($field))))*,)*
                    $(Kind::$own_variant {$($own_field,)*} => None$(.or_else(|| asked(Member::named($own_field))))*,)*
                }
            }

            /// The persons it names, to be named otherwise.
            pub(crate) fn persons_mut(&mut self) -> Vec<&mut PersonId> {
                let mut found = Vec::new();
                match self {
                    Kind::Own(own) => found.extend(own.persons_mut()),
                    $(Kind::$variant {$($field,)*} => {$(found.extend(Member::person_mut($field));)*})*
                    $(Kind::$own_variant {$($own_field,)*} => {$(found.extend(Member::person_mut($own_field));)*})*
                }
                found
            }

            /// The members that are amounts, by name.
            pub fn amounts(&self) -> Vec<(&str, Money)> {
                if let Kind::Own(own) = self {
                    return own.amounts().collect();
                }
                let mut found = Vec::new();
                let mut look = |name: &'static str, amount: Option<Money>| found.extend(amount.map(|amount| (name, amount)));
                match self {
                    Kind::Own(_) => {}
                    $(Kind::$variant {$($field,)*} => {$(look(stringify!($field), Member::money($field));)*})*
                    $(Kind::$own_variant {$($own_field,)*} => {$(look(stringify!($own_field), Member::money($own_field));)*})*
                }
                let _ = &mut look;
                found
            }
        }

        /// The types that only Laurel makes.
        pub(crate) const INTERNAL: &[&str] = &[$($own_name),*];

        /// The rows of the catalogue, in the order of the declarations.
        pub(crate) const ROWS: &[Row] = &[$(Row {
            name: $name,
            summary: concat!($($doc),*),
            sample: Sample { id: $sample_id, source: $sample_source, time: $sample_time },
            members: &[$(MemberRow {
                name: stringify!($field),
                form: <$form as Member>::FORM,
                required: <$form as Member>::REQUIRED,
                meaning: concat!($($field_doc),*),
                example: { let example: &[&str] = &[$($example)?]; example },
            },)*],
        },)*];
    };
}
