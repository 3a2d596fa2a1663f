import { Autocomplete, CloseButton } from "@mantine/core";
import { useEffect, useState } from "react";
import { text } from "../../text";
import { keyboardTarget } from "../useKeyboard";
import classes from "./FilterField.module.css";

interface Props {
  label: string;
  placeholder: string;
  value: string;
  /** Values seen so far. */
  known: Iterable<string>;
  onCommit: (value: string) => void;
  /** `/` focuses the first filter of a page. */
  first?: boolean;
}

/** A filter for one exact value, applied on Enter, on leaving the field or by choosing. */
export function FilterField({ label, placeholder, value, known, onCommit, first }: Props) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const commit = (next: string) => {
    if (next.trim() !== value) onCommit(next.trim());
  };
  const data = [...new Set(known)].filter(Boolean).sort();
  return (
    <Autocomplete
      {...(first ? keyboardTarget.filter : {})}
      className={classes.field}
      size="xs"
      aria-label={label}
      placeholder={placeholder}
      data={data}
      limit={20}
      value={draft}
      onChange={setDraft}
      onOptionSubmit={commit}
      onBlur={() => commit(draft)}
      onKeyDown={(event) => {
        if (event.key === "Enter") commit(event.currentTarget.value);
      }}
      rightSectionPointerEvents="all"
      rightSection={
        draft && (
          <CloseButton
            size="xs"
            aria-label={text.common.clear(label)}
            onClick={() => {
              setDraft("");
              commit("");
            }}
          />
        )
      }
    />
  );
}
